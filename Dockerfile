FROM python:3.12-slim

RUN useradd --create-home geofix
WORKDIR /srv/geofix
COPY . .
RUN pip install --no-cache-dir --constraint constraints.txt '.[openai,ollama,anthropic]' \
 && pip install --no-cache-dir --no-deps vismatch==1.4.0
USER geofix
WORKDIR /home/geofix
ENTRYPOINT ["geofix"]
CMD ["--help"]
