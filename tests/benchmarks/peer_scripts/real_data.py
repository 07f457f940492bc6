"""Real streams that nothing was tuned on, written as one .npz a stream: `real_data.py FOLDER`; needs statsmodels and
vega_datasets.
"""

import json
import sys
from pathlib import Path

import numpy as np


def main():
    folder = Path(sys.argv[1])
    import statsmodels.api as sm
    from vega_datasets import data

    hie = sm.datasets.randhie.load_pandas().data
    np.savez(folder / "randhie.npz", **{name: hie[name].to_numpy() for name in hie.columns})
    for name in ("sf_temps", "seattle_temps"):
        frame = getattr(data, name)()
        frame = frame.sort_values("date")
        np.savez(
            folder / f"{name}.npz",
            temp=frame["temp"].to_numpy(float),
            hour=frame["date"].dt.hour.to_numpy(float),
        )
    print(json.dumps({"rows": {path.stem: len(next(iter(np.load(path).values()))) for path in folder.glob("*.npz")}}))


main()
