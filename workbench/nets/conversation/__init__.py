"""Networks that value what to do next in a conversation: by the outcomes so far, or by a graph of what is left."""
