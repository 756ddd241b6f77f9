"""Whatever happens to a host, traffic flows wherever one NIC works, and all is well afterwards (tests/lab/chaos.py).

    host (eth0, eth1, eth2) --- sw0, sw1 --- peer          ipmp0: 192.0.2.1 to .3, fd00::1

    IPMP_CHAOS_SEEDS=100-199 IPMP_CHAOS_STEPS=30 pytest -m long tests/netns/test_chaos.py      a longer series
"""

import os

import pytest
from chaos import Story

SEEDS = (1, 2)  # in every run; each takes half a minute
STEPS = 15


def tell(lab, seed, steps):
    story = Story(lab, seed)
    try:
        story.tell(steps)
        story.end_well()
    except BaseException:
        print(f"seed {seed}\n{story.describe()}")
        raise


@pytest.mark.parametrize("seed", SEEDS)
def test_R_POL_4_D7_after_anything_traffic_flows_and_all_is_well_again(lab, seed):
    tell(lab, seed, STEPS)


def long_seeds():
    first, last = os.environ.get("IPMP_CHAOS_SEEDS", "100-149").split("-")
    return range(int(first), int(last) + 1)


@pytest.mark.long
@pytest.mark.parametrize("seed", long_seeds())
def test_R_POL_4_D7_for_longer(lab, seed):
    tell(lab, seed, int(os.environ.get("IPMP_CHAOS_STEPS", "30")))
