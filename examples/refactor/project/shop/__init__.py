"""The order book of a small web shop."""
