"""The endpoints, a file for each noun. What several share (limits, answers, words) lives beside this folder."""
