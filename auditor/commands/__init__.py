"""What the commands do: they join the stages and print; nothing is judged or scored here."""
