"""The latent diffusion model of the miniature: how it is trained and put together."""
