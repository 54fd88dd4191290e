"""Keep the models of this machine: the registry, fetching, adapters."""
