"""geofix inside the graphs, agents and servers of others; public by way of `geofix.langgraph`."""
