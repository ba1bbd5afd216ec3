"""Panel pages over the published marts. Pages read marts only: no raw data, no network, no writing."""
