"""The TLS prober, in parts: wire, hellos and replies are pure bytes; io talks; look asks; reading judges."""
