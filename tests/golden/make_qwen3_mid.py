"""Makes qwen3_mid.safetensors: the logits of tests/golden/mid_model.py's model by Hugging Face
transformers, in fp32 and in bf16.

Run by hand with torch, transformers, numpy and safetensors installed; the result is committed:
    python tests/golden/make_qwen3_mid.py

    golden.tokens       (T,) int32, the sequences one after another
    golden.starts       (sequences + 1,) int32
    golden.first_words  (arrays, 8) BF16, how each array begins, in the flat array's order
    golden.logits       (T, V) fp32, of the fp32 model
    golden.bf16_logits  (T, V) BF16, of the bf16 model
and config.json's text in its metadata under "config", the weights' seed under "seed".
"""

import copy
import pathlib

import torch
import transformers
from safetensors.torch import save_file

from mid_model import SEED, config_text, logits_of, mid_model, names

LENGTHS = [5, 67, 128]


def main():
    torch.manual_seed(1)
    model = mid_model()
    tokens = torch.randint(0, model.config.vocab_size, (sum(LENGTHS),))
    starts = torch.tensor([0] + LENGTHS).cumsum(0)
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        logits = logits_of(model, tokens, starts)
        bf16_logits = logits_of(copy.deepcopy(model).bfloat16(), tokens, starts)
    arrays = {
        "golden.tokens": tokens.int(),
        "golden.starts": starts.int(),
        "golden.first_words": torch.stack(
            [parameters[name].detach().flatten()[:8].bfloat16() for name in names()]
        ),
        "golden.logits": logits.contiguous(),
        "golden.bf16_logits": bf16_logits.contiguous(),
    }
    path = pathlib.Path(__file__).parent / "qwen3_mid.safetensors"
    metadata = {
        "config": config_text(),
        "seed": str(SEED),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    save_file(arrays, path, metadata=metadata)
    error = (bf16_logits.float() - logits).abs().max() / logits.abs().max()
    print(path, path.stat().st_size, "bytes")
    print("bf16 against fp32, relative to the largest logit:", error.item())


if __name__ == "__main__":
    main()
