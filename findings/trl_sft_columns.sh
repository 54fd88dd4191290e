#!/bin/sh
# trl 1.16.0: a column that a data set happens to have makes SFTTrainer pass over formatting_func, or leave out the end.
#
# Expected: what formatting_func returns is what is trained on, and a completion ends in EOS, whatever further columns the data
#           set has; roles of a ShareGPT file (human, gpt) become those of the chat template, or are refused.
# Seen:     formatting_func is called for every row and its text is dropped: the tokens are those of the column `messages`, of
#           `prompt` and `completion` (completion_only_loss=False), or of the column that dataset_text_field names. A column
#           `text` beside prompt and completion gets the EOS in their place, so no completion ends and the model never learns
#           to stop; formatting_func makes such a column. Of from and value the names are mapped, not the roles, so the
#           model learns to answer behind <|im_start|>gpt. No warning, no error in any case.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile torch==2.13.0 transformers==5.24.0 trl==1.16.0 datasets==5.2.0 accelerate==1.15.0 \
    tokenizers==0.23.3 numpy==2.4.6
cd "$work"
HF_HUB_OFFLINE=1 HF_HOME=$work/home OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PY'
import datasets
import transformers
from datasets import Dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM
from trl import SFTConfig, SFTTrainer

datasets.disable_progress_bars()
letters = sorted(pre_tokenizers.ByteLevel.alphabet())
bare = Tokenizer(models.BPE(vocab={letter: place for place, letter in enumerate(letters)}, merges=[]))
bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
bare.decoder = decoders.ByteLevel()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=bare, eos_token="<eos>", pad_token="<pad>")
tokenizer.chat_template = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
model = Qwen2ForCausalLM(
    Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1,
    )
)
said = []


class Keep(transformers.logging.logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())


for package in ("trl", "transformers"):
    transformers.logging.logging.getLogger(package).addHandler(Keep())


def trained_on(row, formatting_func=None, **settings):
    """The text of the first row's tokens, and the text of those that count for the loss."""
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(output_dir="out", report_to=[], use_cpu=True, bf16=False, max_steps=1, **settings),
        train_dataset=Dataset.from_list([row, row]),
        processing_class=tokenizer,
        formatting_func=formatting_func,
    )
    batch = trainer.data_collator([trainer.train_dataset[0]])
    ids, labels = batch["input_ids"][0], batch["labels"][0]
    texts = tokenizer.decode(ids), tokenizer.decode(ids[labels != -100])
    print(sorted(row), settings, "->", *map(repr, texts))
    return texts


pair = {"prompt": "two plus two: ", "completion": "four"}
chat = {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]}
rendered = "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nho<|im_end|>\n"

assert trained_on(pair) == ("two plus two: four<eos>", "four<eos>"), "the usual case has changed"
assert trained_on({"body": "hi"}, lambda row: "Q: " + row["body"])[0] == "Q: hi<eos>", "the usual case has changed"

assert trained_on(pair | {"text": "a note"}) == ("two plus two: four", "four"), "this has changed"
assert trained_on(chat, lambda row: "Q: hi A: ho")[0] == rendered, "this has changed"
whole = trained_on(pair, lambda row: "Q: 2+2 A: 4", completion_only_loss=False)
assert whole == ("two plus two: four", "two plus two: four"), "this has changed"
assert trained_on({"body": "hi"}, lambda row: "Q: hi", dataset_text_field="body")[0] == "hi<eos>", "this has changed"
shared = {"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "ho"}]}
assert trained_on(shared)[0] == rendered.replace("user", "human").replace("assistant", "gpt"), "this has changed"
odd = [line for line in said if any(word in line for word in ("format", "text", "EOS", "role"))]
assert not odd, odd
PY
echo "as described"
