"""Ten notebooks as they are written for other hubs: what Dask's public examples use. One line makes the client."""

from __future__ import annotations

import textwrap

CLIENT = "client = Client(n_workers=2, threads_per_worker=1)"
"""As it stands elsewhere."""
OURS = "from datasluse import Cluster; client = Cluster(workers=2).get_client()"

FIRST = f"""
from dask.distributed import Client
{CLIENT}
client
"""
LAST = "client.shutdown()"


def cells(name: str, client: str) -> list[str]:
    """The sources of a notebook's cells, with a line that makes the client."""
    parts = [part.strip("\n") for part in textwrap.dedent(NOTEBOOKS[name]).split("# ---\n")]
    return [FIRST.replace(CLIENT, client).strip(), *parts, LAST]


NOTEBOOKS = {
    "array": """
        import dask.array as da
        x = da.random.random((4000, 4000), chunks=(1000, 1000))
        y = x + x.T
        z = y[::2, 500:].mean(axis=1)
        # ---
        z.compute()
        # ---
        x = x.persist()
        u, s, v = da.linalg.svd_compressed(x, k=5)
        assert s.compute().shape == (5,)
        """,
    "bag": """
        import json, os
        import dask.bag as db
        os.makedirs('data', exist_ok=True)
        people = db.from_sequence(
            [{'name': f'n{i}', 'age': i % 90, 'occupation': f'o{i % 7}'} for i in range(2000)], npartitions=4)
        people.map(json.dumps).to_textfiles('data/*.json')
        # ---
        b = db.read_text('data/*.json').map(json.loads)
        result = (b.filter(lambda record: record['age'] > 30)
                   .map(lambda record: record['occupation'])
                   .frequencies(sort=True)
                   .topk(3, key=1))
        # ---
        assert len(result.compute()) == 3
        b.to_dataframe().groupby('occupation').age.mean().compute()
        """,
    "dataframe": """
        import dask
        df = dask.datasets.timeseries(start='2020-01-01', end='2020-01-31', freq='10s', partition_freq='1d')
        df.head(3)
        # ---
        df2 = df[df.y > 0]
        df3 = df2.groupby('name').x.std()
        df3.compute()
        # ---
        df4 = df.groupby('name').aggregate({'x': 'sum', 'y': 'max'}).compute()
        df[['x', 'y']].resample('1h').mean().head()
        # ---
        df = df.persist()
        df.to_parquet('timeseries.parquet')
        import dask.dataframe as dd
        assert len(dd.read_parquet('timeseries.parquet')) == len(df)
        """,
    "delayed": """
        import time
        import dask
        @dask.delayed
        def inc(x):
            time.sleep(0.05)
            return x + 1
        @dask.delayed
        def add(x, y):
            return x + y
        # ---
        layer = [inc(i) for i in range(16)]
        while len(layer) > 1:
            layer = [add(layer[i], layer[i + 1]) for i in range(0, len(layer), 2)]
        total = layer[0]
        total.visualize(filename='tree.svg')
        # ---
        assert total.compute() == sum(range(1, 17))
        """,
    "futures": """
        from dask.distributed import as_completed, progress
        def costly(x):
            import time
            time.sleep(0.01)
            return x ** 2
        futures = client.map(costly, range(100))
        progress(futures)
        total = client.submit(sum, futures)
        assert total.result() == sum(x ** 2 for x in range(100))
        # ---
        best = None
        seq = as_completed([client.submit(costly, x) for x in range(5)])
        for future in seq:
            if future.result() > 10 and best is None:
                best = future.result()
                seq.add(client.submit(costly, 100))
        # ---
        import numpy as np
        [remote] = client.scatter([np.arange(10_000)], broadcast=True)
        assert client.submit(np.sum, remote).result() == 49995000
        """,
    "xarray": """
        import numpy as np
        import pandas as pd
        import xarray as xr
        times = pd.date_range('2019-01-01', '2020-12-31', freq='D')
        ds = xr.Dataset(
            {'air': (('time', 'lat', 'lon'), np.random.default_rng(0).normal(280, 10, (len(times), 25, 53)))},
            coords={'time': times, 'lat': np.linspace(15, 75, 25), 'lon': np.linspace(200, 330, 53)},
        ).chunk({'lat': 25, 'lon': 25, 'time': -1})
        # ---
        da = ds['air']
        seasonal = da.groupby('time.month') - da.groupby('time.month').mean('time')
        seasonal.resample(time='1MS').mean().load()
        # ---
        ds.to_netcdf('air.nc', engine='h5netcdf')
        ds.to_zarr('air.zarr', mode='w')
        again = xr.open_mfdataset(['air.nc'], engine='h5netcdf', parallel=True, chunks={})
        xr.testing.assert_allclose(again['air'].mean().compute(), da.mean().compute())
        """,
    "grid-search": """
        import joblib
        from sklearn.datasets import load_digits
        from sklearn.model_selection import GridSearchCV
        from sklearn.svm import SVC
        digits = load_digits()
        search = GridSearchCV(SVC(), {'C': [1e-3, 1e-1, 1], 'gamma': [1e-3, 1e-2]}, cv=3)
        # ---
        with joblib.parallel_backend('dask'):
            search.fit(digits.data, digits.target)
        assert search.best_score_ > 0.9
        """,
    "machine-learning": """
        import dask_ml.cluster
        import dask_ml.datasets
        X, y = dask_ml.datasets.make_blobs(n_samples=50_000, chunks=10_000, random_state=0, centers=3)
        X = X.persist()
        km = dask_ml.cluster.KMeans(n_clusters=3, init_max_iter=2, oversampling_factor=10)
        km.fit(X)
        # ---
        from dask_ml.linear_model import LogisticRegression
        from dask_ml.model_selection import train_test_split
        X, y = dask_ml.datasets.make_classification(
            n_samples=20_000, n_features=10, n_informative=5, chunks=5_000, random_state=1)
        X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=2)
        model = LogisticRegression(max_iter=20).fit(X_train, y_train)
        assert model.score(X_test, y_test) > 0.6
        """,
    "images": """
        import os
        import dask.array as da
        import dask.array.image
        import numpy as np
        from skimage import data, filters, io
        os.makedirs('pictures', exist_ok=True)
        for number in range(6):
            blobs = data.binary_blobs(length=256, rng=number)
            io.imsave(f'pictures/{number}.png', (blobs * 255).astype('uint8'), check_contrast=False)
        stack = dask.array.image.imread('pictures/*.png')
        # ---
        smooth = stack.astype(float).map_overlap(filters.gaussian, depth=(0, 8, 8), sigma=2, dtype=float)
        counts = smooth.map_blocks(lambda block: (block > filters.threshold_otsu(block)).mean(axis=(1, 2)),
                                   drop_axis=(1, 2), dtype=float)
        assert counts.compute().shape == (6,)
        """,
    "custom": """
        import dask
        import pandas as pd
        from dask.distributed import Lock, Variable, get_client, performance_report
        def load(i):
            return pd.DataFrame({'a': range(i, i + 100)})
        def process(df):
            with Lock('one at a time'):
                return int(df.a.sum())
        def outer(n):
            inner = get_client()
            return sum(inner.gather(inner.map(process, inner.map(load, range(n)))))
        # ---
        with performance_report(filename='report.html'):
            assert client.submit(outer, 10).result() == sum(sum(range(i, i + 100)) for i in range(10))
        best = Variable('best')
        best.set(42)
        assert best.get() == 42
        # ---
        graph = {'x': 1, 'y': (lambda x: x + 1, 'x')}
        assert dask.get(graph, 'y') == 2
        client.restart()
        """,
}
