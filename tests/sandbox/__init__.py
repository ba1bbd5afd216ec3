"""Tests of the embedded site."""
