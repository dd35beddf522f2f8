FROM python:3.12-slim

# The folder is made here, so that the volume over it belongs to the account too.
RUN useradd --create-home geofix \
 && install --directory --owner geofix --group geofix /home/geofix/.cache/huggingface
WORKDIR /srv/geofix
COPY . .
RUN pip install --no-cache-dir --constraint constraints.txt '.[openai,ollama,anthropic]' \
 && pip install --no-cache-dir --no-deps vismatch==1.4.0
USER geofix
WORKDIR /home/geofix
ENTRYPOINT ["geofix"]
CMD ["--help"]
