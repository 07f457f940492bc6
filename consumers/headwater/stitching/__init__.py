"""Stitching: run, job and dataset events become lineage edges. The rules stand in consumers/README.md."""

from headwater.stitching.step import StitchingStep

__all__ = ["StitchingStep"]
