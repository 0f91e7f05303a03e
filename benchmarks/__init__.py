"""How fast convsync is, each figure beside its bare counterpart in the same run."""
