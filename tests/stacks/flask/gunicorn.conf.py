"""Two worker processes with four threads each; the database is filled before they start."""
import os

bind = f"127.0.0.1:{os.environ['PORT']}"
workers = 2
worker_class = "gthread"
threads = 4
keepalive = 30
worker_tmp_dir = os.environ["WORK"]


def on_starting(server):
    import app
    app.seed()
    app.engine.dispose()
