"""What a person or a program asks over HTTP. Routes read and order; they plan, fetch and decide nothing themselves."""
