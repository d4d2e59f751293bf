"""Baselines of restoration against independent implementations."""

import numpy as np
import torch

from naign.evaluate import restoration


def test_pca_is_scikit_learn_s():
    from sklearn.decomposition import PCA

    g = torch.Generator().manual_seed(0)
    x, new = torch.randn(30, 3, 4, 4, generator=g), torch.randn(5, 3, 4, 4, generator=g)
    for k in (1, 5, 20):
        reference = PCA(k, svd_solver="full").fit(x.flatten(1).double().numpy())
        wanted = reference.inverse_transform(reference.transform(new.flatten(1).double().numpy()))
        (found,) = restoration.pca(new, x, (k,))
        assert np.abs(found.flatten(1).numpy() - wanted).max() < 1e-4


def test_all_components_reproduce_the_images_they_came_from():
    x = torch.randn(10, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(restoration.pca(x, x, (9,))[0], x, atol=1e-4)
    assert len(restoration.pca(x, x, (5, 9, 10, 20))) == 2  # ten images have nine components


def test_the_median_filter_removes_a_speck_and_keeps_channels_apart():
    x = torch.zeros(2, 3, 8, 8)
    x[:, 1] = 1.0
    specked = x.clone()
    specked[0, 0, 4, 4] = specked[1, 1, 0, 0] = -1.0
    assert torch.equal(restoration.median_filter(specked, 3), x)


def test_each_baseline_gets_its_best_setting():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(20, 1, 8, 8, generator=g).cumsum(2).cumsum(3) / 20
    damaged = x + 0.3 * torch.randn(x.shape, generator=g)
    found = restoration.baselines(x, damaged, x)
    by_hand = [(x - restoration.median_filter(damaged, w)).abs().mean().item() for w in restoration.WINDOWS]
    assert found["median filter"] == min(by_hand) < max(by_hand)
    assert found["PCA"] == min((x - y).abs().mean().item() for y in restoration.pca(damaged, x, (5, 10)))
