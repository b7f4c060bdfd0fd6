"""What a language model may do: select facts, plan statements, place connectives; how it is asked and read."""
