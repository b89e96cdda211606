"""A plain device with Python's paho: plain_device.py <port> <client id> <token> <to> <count>.

Sends <count> raw messages, prints what arrives, breaks its connection once in the middle and comes back by itself.
"""
import sys
import paho.mqtt.client as mqtt

port, client_id, token, to, count = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])
user = client_id.split(":")[0]
state = {"received": 0, "broken": False, "connected": 0}


def on_connect(client, userdata, flags, reason, properties):
    state["connected"] += 1
    print(f"connected {reason} {flags.session_present}", flush=True)
    if not flags.session_present:
        client.subscribe(f"u/{user}/raw/#", 1)
    elif state["connected"] == 1:
        begin(client)


def on_subscribe(client, userdata, mid, reasons, properties):
    begin(client)


def begin(client):
    print("ready", flush=True)
    for number in range(count):
        client.publish(f"to/{to}/raw", f"p {number}", 1)


def on_message(client, userdata, message):
    print(message.payload.decode(), flush=True)
    state["received"] += 1
    if state["received"] == 50 and not state["broken"]:
        state["broken"] = True
        client.socket().shutdown(2)


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False, protocol=mqtt.MQTTv311)
client.username_pw_set(user, token)
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_message = on_message
client.reconnect_delay_set(1, 1)
client.connect("127.0.0.1", port, 30)
client.loop_forever()
