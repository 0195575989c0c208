"""Makes the golden fixture of the optimizer: 20 steps of torch.optim.AdamW on given gradients.

Run by hand with torch and safetensors installed; the result is committed:
    python tests/golden/make_adamw.py

Arrays, all fp32: param0 (N,), grad_steps (20, N), param_after (20, N). The hyperparameters are in
the metadata: lr, beta1, beta2, eps, weight_decay.
"""

import pathlib

import torch
from safetensors.torch import save_file

STEPS, ELEMENTS = 20, 600
LR, BETA1, BETA2, EPS, WEIGHT_DECAY = 3e-3, 0.9, 0.95, 1e-8, 0.1

if __name__ == "__main__":
    torch.manual_seed(5)
    parameter = torch.nn.Parameter(torch.randn(ELEMENTS) * 0.1)
    # Gradients from 1e-6 to 1, some rare and some always zero, as embeddings have them.
    sizes = 10.0 ** torch.linspace(-6, 0, ELEMENTS)
    gradients = torch.randn(STEPS, ELEMENTS) * sizes
    gradients[:, ::7] *= (torch.rand(STEPS, gradients[:, ::7].shape[1]) < 0.2).float()
    gradients[:, ::50] = 0
    arrays = {"param0": parameter.detach().clone(), "grad_steps": gradients}
    optimizer = torch.optim.AdamW(
        [parameter], lr=LR, betas=(BETA1, BETA2), eps=EPS, weight_decay=WEIGHT_DECAY, foreach=False
    )
    after = []
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
        after.append(parameter.detach().clone())
    arrays["param_after"] = torch.stack(after)
    path = pathlib.Path(__file__).parent / "adamw.safetensors"
    metadata = {
        "lr": repr(LR),
        "beta1": repr(BETA1),
        "beta2": repr(BETA2),
        "eps": repr(EPS),
        "weight_decay": repr(WEIGHT_DECAY),
    }
    save_file(arrays, path, metadata=metadata)
    print(path, path.stat().st_size, "bytes")
