"""One file per provider, found by its name; one provider knows no other."""
