"""How good a model is: through the product's own runtime, with the product's own scoring."""
