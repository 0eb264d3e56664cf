"""Numeric precisions that torch can compute in, and which of them this processor has instructions for."""

from __future__ import annotations

PRECISIONS = ("auto", "fp32", "bf16", "fp16")


def cpu_computes_bf16() -> bool:
    """Returns whether this processor has bfloat16 instructions; emulated ones are slower than float32."""
    import torch  # not at the top: the names above are needed where torch must not be imported

    query = getattr(torch.cpu, "get_capabilities", None)
    features: dict[str, object] = dict(query()) if query is not None else {}
    return any(features.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
