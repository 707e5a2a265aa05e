import pytest

from liface.database import Database
from liface.dispatch.run import run_campaign
from liface.workflows.campaign import Campaign


@pytest.fixture
def campaign_of(tmp_path):
    """Run a campaign text in this process and return its database."""

    def run(text, engine):
        path = tmp_path / "science.yaml"
        path.write_text(text)
        campaign = Campaign.load(path, [engine])
        database = Database(tmp_path / "science.db")
        state = run_campaign(campaign.cases(), database, workers=0)
        assert all(case.status == "finished" for case in state.done), [getattr(c, "reason", "") for c in state.done]
        return database

    return run
