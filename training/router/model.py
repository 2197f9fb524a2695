"""The router's encoder and scoring in torch, for training; `mrkl.router` runs it in numpy.

In: token ids [texts, time] with 0 as padding; out: a pooled unit vector [texts, 128], unit
token vectors [texts, time, 48], token weights [texts, time] and a none-score per text. No
parameter belongs to any expert: all scores come from comparing vectors of texts.
"""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EMPTY = -1e4


@dataclass(frozen=True)
class Shape:
    """Sizes of the encoder; stored as config.json beside the weights."""

    vocabulary: int = 12288
    embedding: int = 128
    width: int = 256
    layers: int = 4
    heads: int = 4
    inner: int = 640
    pooled: int = 128
    token: int = 48
    length: int = 64

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


@dataclass
class Encoded:
    """Texts as vectors: pooled [n, p], tokens [n, t, k], weights [n, t], none [n]."""

    pooled: Tensor
    tokens: Tensor
    weights: Tensor
    mask: Tensor
    none: Tensor


def four_bits(table: Tensor) -> Tensor:
    """The table as it is stored, in 15 levels a row; gradients pass as if it were not."""
    scale = table.detach().abs().amax(1, keepdim=True).clamp(min=1e-6) / 7
    return table + ((table / scale).round() * scale - table).detach()


class Layer(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.norm1 = nn.RMSNorm(shape.width, eps=1e-6)
        self.norm2 = nn.RMSNorm(shape.width, eps=1e-6)
        self.qkv = nn.Linear(shape.width, 3 * shape.width, bias=False)
        self.out = nn.Linear(shape.width, shape.width, bias=False)
        self.up = nn.Linear(shape.width, shape.inner, bias=False)
        self.down = nn.Linear(shape.inner, shape.width, bias=False)

    def forward(self, x: Tensor, bias: Tensor, drop: float) -> Tensor:
        n, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        x = x + F.dropout(self.out(mixed.transpose(1, 2).reshape(n, t, d)), drop, self.training)
        hidden = F.relu(self.up(self.norm2(x))).square()
        return x + F.dropout(self.down(hidden), drop, self.training)


class RouterModel(nn.Module):
    """Encoder plus the handful of scalars which weigh the comparisons."""

    def __init__(self, shape: Shape, drop: float = 0.05) -> None:
        super().__init__()
        self.shape, self.drop = shape, drop
        self.embedding = nn.Embedding(shape.vocabulary, shape.embedding)
        self.project = nn.Linear(shape.embedding, shape.width, bias=False)
        self.position = nn.Parameter(torch.randn(shape.length, shape.width) * 0.02)
        self.role = nn.Parameter(torch.zeros(2, shape.width))
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, eps=1e-6)
        self.pool = nn.Linear(shape.width, shape.pooled, bias=False)
        self.token = nn.Linear(shape.width, shape.token, bias=False)
        self.static = nn.Linear(shape.embedding, shape.token, bias=False)
        self.gates = nn.Linear(shape.width, 3)  # pooling weight, token weight, none
        # scores: card, best example, prototype, token matches; see `mrkl.router.scoring`
        self.mix = nn.Parameter(torch.tensor([8.0, 4.0, 4.0, 8.0]))
        self.guess = nn.Parameter(torch.tensor([0.8, -0.1]))  # best example when there is none
        self.shrink = nn.Parameter(torch.tensor(1.0))  # log of the card's weight in prototypes
        self.none_bias = nn.Parameter(torch.tensor([8.0, 0.3]))  # constant, per log(experts)

    def encode(self, ids: Tensor, role: int) -> Encoded:
        """ids [n, t] with 0 as padding; role 0: questions and examples, 1: cards."""
        mask = ids != 0
        mask[:, 0] = True  # an empty text still has one position
        embedded = F.embedding(ids, four_bits(self.embedding.weight))
        x = self.project(embedded) + self.position[: ids.shape[1]] + self.role[role]
        bias = torch.zeros(mask.shape, dtype=x.dtype, device=x.device)
        bias = bias.masked_fill(~mask, EMPTY)[:, None, None, :]
        for layer in self.layers:
            x = layer(x, bias, self.drop)
        x = self.norm(x)
        gates = self.gates(x).float()
        share = gates[..., 0].masked_fill(~mask, EMPTY).softmax(-1)
        summary = (share[..., None] * x.float()).sum(1)
        tokens = F.normalize((self.token(x) + self.static(embedded)).float(), dim=-1)
        weights = gates[..., 1].masked_fill(~mask, EMPTY).softmax(-1)
        none = (share * gates[..., 2]).sum(-1)
        pooled = F.normalize(self.pool(summary).float(), dim=-1)
        return Encoded(pooled, tokens, weights, mask, none)

    def token_matches(self, query: Encoded, card: Encoded) -> Tensor:
        """For each query token its best card token, weighed: [queries, cards]."""
        sims = torch.einsum("qtk,csk->qcts", query.tokens, card.tokens)
        best = sims.masked_fill(~card.mask[None, :, None, :], -1.0).amax(-1)
        return torch.einsum("qct,qt->qc", best, query.weights)

    def scores(self, query: Encoded, card: Encoded, examples: Tensor, owner: Tensor) -> Tensor:
        """Scores [queries, cards]; examples [e, p] pooled, owner [e] the card of each."""
        to_card = query.pooled @ card.pooled.T
        to_example = query.pooled @ examples.T  # [q, e]
        belongs = F.one_hot(owner, card.pooled.shape[0]).float()  # [e, c]
        count = belongs.sum(0)
        mean = belongs.T @ examples / count.clamp(min=1)[:, None]
        k = self.shrink.exp()
        blend = (count[:, None] * mean + k * card.pooled) / (count[:, None] + k)
        to_proto = query.pooled @ F.normalize(blend, dim=-1).T
        guess = self.guess[0] * to_card + self.guess[1]
        sharp = 12.0
        total = (sharp * to_example).exp() @ belongs + (sharp * guess).exp()
        to_best = total.log() / sharp
        parts = torch.stack([to_card, to_best, to_proto, self.token_matches(query, card)])
        return torch.einsum("f,fqc->qc", self.mix, parts)

    def none_score(self, query: Encoded, offered: Tensor) -> Tensor:
        """Score of *none of them* [queries]; `offered` [queries] counts the experts on offer."""
        return query.none + self.none_bias[0] + self.none_bias[1] * offered.float().log()
