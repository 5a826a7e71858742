"""Order only: each flow names its steps and what it waits for. Rules are in casework/, effects in tasks/."""
