"""People's marks become a version's adapter: what is learned from, by a job, and what its page says."""
