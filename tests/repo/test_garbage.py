"""The collector of rings is paused and goes on as it was, whatever happens in between."""

import gc
import subprocess
import sys

import pytest

from liface.garbage import collector_paused, made_to_stay


@pytest.mark.parametrize("pause", [collector_paused, made_to_stay])
def test_the_collector_goes_on_after_an_error(pause):
    with pytest.raises(ZeroDivisionError), pause():
        assert not gc.isenabled()
        raise ZeroDivisionError
    assert gc.isenabled()


@pytest.mark.parametrize("pause", [collector_paused, made_to_stay])
def test_one_that_was_off_stays_off(pause):
    gc.disable()
    try:
        with pause():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_rings_made_later_are_still_freed():
    code = """if True:
        import gc, weakref
        from liface.garbage import made_to_stay
        class Ring: pass
        def ring():
            one = Ring(); one.self = one
            return weakref.ref(one)
        with made_to_stay():
            kept = ring()
        later = ring()
        gc.collect()
        print(gc.get_freeze_count() > 0, kept() is not None, later() is None)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["True", "True", "True"]
