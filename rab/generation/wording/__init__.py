"""From a claim to a sentence: templates, how names and numbers are shown, and the words there are."""
