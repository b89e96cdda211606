"""A device in Python, on the raw topics: sends what it reads, prints what arrives, and takes up where it left off.

    TOKEN=... python device.py alice:sensor bob [host [port]]

Every line of the input goes to bob; every message to alice is printed as `from: text`. At the end of the input it
waits for the acknowledgements of what it has sent, and ends.
"""
import os
import sys
import threading

import paho.mqtt.client as mqtt

client_id, peer = sys.argv[1], sys.argv[2]
host = sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1"
port = int(sys.argv[4]) if len(sys.argv) > 4 else 1883
user = client_id.split(":")[0]
ready = threading.Event()


def on_connect(client, userdata, flags, reason, properties):
    if reason.is_failure:
        print(f"not connected: {reason}", file=sys.stderr, flush=True)
        if reason != "Server unavailable":  # it would be refused again
            os._exit(1)
    elif flags.session_present:
        ready.set()  # the server remembers the subscription, and sends what is missing by itself
    else:
        client.subscribe(f"u/{user}/raw/#", qos=1)


def on_subscribe(client, userdata, mid, reasons, properties):
    ready.set()


def on_message(client, userdata, message):
    # u/<user>/raw/<conversation>/<from>. The PUBACK goes out when this returns: what must not be lost is stored here.
    sender = message.topic.rsplit("/", 1)[1]
    print(f"{sender}: {message.payload.decode(errors='replace')}", flush=True)


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False, protocol=mqtt.MQTTv311)
client.username_pw_set(user, os.environ["TOKEN"])
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_message = on_message
client.reconnect_delay_set(min_delay=1, max_delay=120)
client.connect(host, port, keepalive=30)
client.loop_start()
ready.wait()
print("ready", file=sys.stderr, flush=True)

sent = [client.publish(f"to/{peer}/raw", line.rstrip("\n"), qos=1) for line in sys.stdin]
for publish in sent:
    publish.wait_for_publish()
client.disconnect()
client.loop_stop()
