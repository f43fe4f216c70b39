"""The gateway's own TOML, which takes in that of TensorZero and its forks."""
