"""What people see: a conversation, a state, a progress, findings; drawn, never decided."""
