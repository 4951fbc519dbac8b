"""What windows and sightings mean: anomalies, rules, alerts."""
