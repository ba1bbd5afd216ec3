"""Rupiah and lots as the Jakarta market writes them: three significant figures with K, M, B or T."""

from __future__ import annotations

from dashboards.ui.formats import Number, Scales

SCALES: Scales = (" T", " B", " M", " K")

rupiah = Number(scales=SCALES)
"""254400000000 as `254 B`."""
signed_rupiah = Number(scales=SCALES, signed=True)
"""254400000000 as `+254 B`."""
lots = Number(scales=SCALES)
"""1234567 as `1.23 M`."""
signed_lots = Number(scales=SCALES, signed=True)
"""1234567 as `+1.23 M`."""
whole = Number(before="Rp ")
"""254400000000 as `Rp 254,400,000,000`."""
