"""Jobs, Makers, Flows and campaigns for jobflow."""
