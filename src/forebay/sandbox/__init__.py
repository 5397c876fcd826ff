"""The vendor, simulated: one deterministic market behind REST and an S3 bucket. Never imports the vendor client."""
