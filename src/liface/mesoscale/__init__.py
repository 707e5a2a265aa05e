"""From atoms to pores and films: growth of Li, creep of Li in porous hosts, and where Li deposits."""
