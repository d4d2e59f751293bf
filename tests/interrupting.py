"""Data that stop a training."""

from naign.data.toys import Grid


class Interrupting:
    """Data, by default a toy, that raise once, after some draws."""

    def __init__(self, after, error, data=None):
        self.data, self.after, self.error = data or Grid(), after, error
        self.shape, self.fingerprint = self.data.shape, self.data.fingerprint

    def sample(self, n, generator):
        x = self.data.sample(n, generator)
        self.after -= 1
        if self.after == -1:
            raise self.error
        return x
