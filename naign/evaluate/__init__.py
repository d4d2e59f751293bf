"""What a trained f is worth: arrays, or (f, source, data), in; numbers out."""

SEED = 20_251_102  # of every draw, so that runs differ by training alone
