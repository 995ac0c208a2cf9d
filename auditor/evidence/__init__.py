"""Evidence: one frozen dataclass per topic, one file per topic. Facts only, no judgement, no I/O."""
