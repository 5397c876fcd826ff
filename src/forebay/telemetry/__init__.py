"""Logs and progress: what a run says about itself. Knows no other room; settings and clocks are handed in."""
