"""What somebody would write in an afternoon in the place of portraitd: read each photo, make the pictures, send them to
the four systems, many at a time. It remembers nothing, tries nothing again and checks no photo.

Reads what to do from the JSON file that it is given: `folder`, `threads`, the four systems, and `rows` with the file and
the four names of each user.
"""

import io
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from PIL import Image, ImageOps

plan = json.loads(Path(sys.argv[1]).read_text())
local = threading.local()


def session():
    if not hasattr(local, "session"):
        local.session = requests.Session()
    return local.session


def send(method, url, **more):
    reply = session().request(method, url, timeout=60, **more)
    reply.raise_for_status()
    return reply


def jpeg(image):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.getvalue()


def square(image, side):
    return jpeg(ImageOps.fit(image, (side, side), Image.Resampling.LANCZOS))


def original(image):
    copy = image.copy()
    copy.thumbnail((2048, image.height), Image.Resampling.LANCZOS)
    return copy.size, jpeg(copy)


def login(igloo):
    body = {
        "AppId": igloo["app-id"],
        "AppPassword": igloo["app-password"],
        "UserName": igloo["username"],
        "UserPassword": igloo["password"],
        "instance": 0,
        "version": 1,
    }
    return send("POST", igloo["url"] + "/.api2/api/Session/Create", json=body).json()["TokenId"]


def to_staffbase(app, user, size, pictures):
    auth = {"Authorization": "Basic " + app["token"]}

    def upload(name):
        files = {"file": (name + ".jpg", pictures[name], "image/jpeg")}
        url = send("POST", app["url"] + "/api/media", headers=auth, files=files).json()["resourceInfo"]["url"]
        return url if url.startswith("http") else app["url"] + url

    urls = {name: upload(name) for name in ("original", "thumb", "icon")}
    avatar = {
        "original": {"url": urls["original"], "width": size[0], "height": size[1]},
        "icon": {"url": urls["icon"]},
        "thumb": {"url": urls["thumb"]},
    }
    send("POST", f"{app['url']}/api/users/{user}", headers=auth, json={"avatar": avatar})


def to_creatorshub(hub, user, picture):
    auth = {"Authorization": "Bearer " + hub["token"]}
    files = {"avatar": ("avatar.jpg", picture, "image/jpeg")}
    url = f"{hub['url']}/api/public/user/{user}/updateAvatarFile"
    assert isinstance(send("PUT", url, headers=auth, files=files).json()["avatarUrl"], str)


def to_igloo(igloo, key, user, picture):
    base = f"{igloo['url']}/.api2/api/v1/communities/{igloo['community-key']}/attachments"
    cookie = {"Cookie": "iglooauth=" + key}
    entry = {"ContentLength": len(picture), "ContentType": "image/jpg", "Name": "photo.jpg"}
    location = send("POST", base, headers=cookie, json=entry).headers["Location"]
    attachment = location.split("?")[0].rstrip("/").rsplit("/", 1)[-1]
    span = f"bytes 0-{len(picture) - 1}/{len(picture)}"
    headers = {**cookie, "Content-Range": span, "Content-Type": "image/jpg"}
    send("PATCH", f"{base}/uploads/{attachment}", headers=headers, data=picture)
    send("POST", f"{base}/{attachment}/association/{user}?type=ProfilePhoto", headers=cookie)


def to_rocketchat(chat, user, picture):
    auth = {"X-User-Id": chat["user-id"], "X-Auth-Token": chat["token"]}
    files = [("username", (None, user)), ("image", ("avatar.jpg", picture, "image/jpeg"))]
    reply = send("POST", chat["url"] + "/api/v1/users.setAvatar", headers=auth, files=files)
    assert reply.json()["success"]


def deliver(row, key):
    image = ImageOps.exif_transpose(Image.open(Path(plan["folder"]) / row["file"])).convert("RGB")
    size, full = original(image)
    pictures = {"original": full, "thumb": square(image, 200), "icon": square(image, 48)}
    avatar = square(image, 512)
    to_staffbase(plan["staffbase"], row["staffbase"], size, pictures)
    to_creatorshub(plan["creatorshub"], row["creatorshub"], avatar)
    to_igloo(plan["igloo"], key, row["igloo"], avatar)
    to_rocketchat(plan["rocketchat"], row["rocketchat"], avatar)


key = login(plan["igloo"])
with ThreadPoolExecutor(plan["threads"]) as pool:
    for done in [pool.submit(deliver, row, key) for row in plan["rows"]]:
        done.result()
