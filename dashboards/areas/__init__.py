"""One package an area, each with an `AREA`; they are found by looking in here. An area imports no other area."""
