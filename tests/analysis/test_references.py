import pytest

from liface.analysis.references import require_same_engine, require_same_settings
from liface.documents import CalculationSettings, EngineInfo
from liface.errors import AnalysisError, MixedEnginesError


def engine(model="7net-0", weights="aa", **changes):
    base = {"name": "sevennet", "code": "sevenn", "code_version": "0.13.0", "trained_on": "MPtrj"}
    return EngineInfo(**(base | changes), model=model, weights_sha256=weights)


def test_one_engine_passes_through():
    assert require_same_engine(engine(), engine(), engine()) == engine()


def test_training_data_are_no_part_of_the_identity():
    assert require_same_engine(engine(), engine(trained_on="MPtrj (PBE)")) == engine()


def test_two_models_are_refused_and_both_named():
    with pytest.raises(MixedEnginesError, match=r"sevennet:7net-0 .* and sevennet:7net-l3i5"):
        require_same_engine(engine(), engine(), engine("7net-l3i5"))


def test_same_name_with_other_weights_is_refused_and_says_what_differs():
    with pytest.raises(MixedEnginesError, match="weights_sha256 'aa' against 'bb'"):
        require_same_engine(engine(), engine(weights="bb"))


def test_settings_must_agree_except_where_told():
    slab, bulk = CalculationSettings(), CalculationSettings(cell="full")
    assert require_same_settings(slab, slab) == slab
    assert require_same_settings(slab, bulk, ignoring=("cell",)) == slab
    with pytest.raises(MixedEnginesError, match="cell 'fixed' against 'full'"):
        require_same_settings(slab, bulk)
    with pytest.raises(MixedEnginesError, match="fmax_ev_per_a"):
        require_same_settings(slab, CalculationSettings(cell="full", fmax_ev_per_a=0.01), ignoring=("cell",))


def test_nothing_to_compare_is_an_error():
    with pytest.raises(AnalysisError):
        require_same_engine()
    with pytest.raises(AnalysisError):
        require_same_settings()
