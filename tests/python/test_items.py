"""Counting items from Python: against a stand-in of the service, and the service itself."""

import http.server
import json
import os
import re
import subprocess
import threading
import unittest
from unittest import mock

import common
import joulemap

PROGRAM = os.path.join(os.environ.get("BUILD", ""), "joulemap")


class StandIn:
    """Answers like the service: counts, or refuses while status is not 200."""

    def __init__(self):
        self.messages, self.tokens, self.status, self.arrived = [], [], 200, threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = b'{"error": {"code": "x", "message": "too many names", "remedy": "use fewer"}}'
                if outer.status == 200:
                    outer.messages.append(json.loads(body))
                    outer.tokens.append(self.headers.get("Authorization"))
                    answer = b"{}"
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
                outer.arrived.set()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Counting(unittest.TestCase):
    def setUp(self):
        self.service = StandIn()
        self.addCleanup(self.service.close)

    def items(self, **arguments):
        arguments = {"url": self.service.url, "period": 1e6, **arguments}
        items = joulemap.Items(arguments.pop("item", "token"), **arguments)
        self.addCleanup(items.close)
        return items

    def test_items_are_added_up_and_sent_once(self):
        items = self.items(token="0123456789abcdef")
        for _ in range(10):
            items.add(3)
        items.flush()
        self.assertEqual(self.service.messages, [{"count": 30, "item": "token", "pid": os.getpid()}])
        self.assertEqual(self.service.tokens, ["Bearer 0123456789abcdef"])
        self.assertEqual(items.told, 30)
        items.flush()
        self.assertEqual(len(self.service.messages), 1)

    def test_the_process_may_stay_unnamed(self):
        items = self.items(by_process=False)
        items.add()
        items.flush()
        self.assertEqual(self.service.messages, [{"count": 1, "item": "token"}])

    def test_in_a_pod_its_uid_takes_the_place_of_the_process(self):
        with mock.patch.dict(os.environ, {"JOULEMAP_POD": "0a1b-2c", "JOULEMAP_URL": self.service.url}):
            items = self.items(url=None)
        items.add()
        items.flush()
        self.assertEqual(self.service.messages, [{"count": 1, "item": "token", "pod": "0a1b-2c"}])

    def test_a_thread_sends_by_itself(self):
        items = self.items(period=0.01)
        items.add(5)
        self.assertTrue(self.service.arrived.wait(60))

    def test_what_is_left_is_sent_at_the_end(self):
        with self.items() as items:
            items.add(7)
        self.assertEqual(self.service.messages[0]["count"], 7)
        items.close()
        self.assertEqual(len(self.service.messages), 1)

    def test_many_threads_lose_nothing(self):
        items = self.items()
        threads = [threading.Thread(target=lambda: [items.add() for _ in range(1000)]) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        items.close()
        self.assertEqual(sum(m["count"] for m in self.service.messages), 8000)

    def test_a_refusal_says_why_and_loses_nothing(self):
        items = self.items()
        self.service.status = 429
        items.add(4)
        with self.assertRaisesRegex(joulemap.InvalidError, "too many names"):
            items.flush()
        self.assertEqual(items.error.remedy, "use fewer")
        self.service.status = 200
        items.add(1)
        items.flush()
        self.assertEqual(self.service.messages[0]["count"], 5)
        self.assertIsNone(items.error)

    def test_nobody_there_disturbs_nobody(self):
        items = joulemap.Items(url="http://127.0.0.1:9", period=1e6)
        items.add(2)
        with self.assertRaises(joulemap.NotFoundError):
            items.flush()
        items.close()
        self.assertIn("joulemap serve", str(items.error))
        self.assertEqual(items.told, 0)

    def test_a_large_count_goes_in_parts(self):
        items = self.items()
        items.add(2_500_000_000)
        items.flush()
        self.assertEqual([m["count"] for m in self.service.messages], [10**9, 10**9, 5 * 10**8])

    def test_a_forked_child_counts_for_itself(self):
        items = self.items()
        items.add(3)
        child = os.fork()
        if child == 0:
            items.add(2)
            items.close()
            os._exit(0)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        items.flush()
        self.assertEqual([(m["count"], m["pid"]) for m in self.service.messages], [(2, child), (3, os.getpid())])

    def test_what_cannot_be_is_refused(self):
        for arguments in ({"url": "ftp://x"}, {"url": "127.0.0.1:7373"}, {"period": 0}):
            with self.assertRaises(joulemap.InvalidError):
                joulemap.Items(**arguments)
        with self.assertRaises(joulemap.InvalidError):
            self.items().add(-1)


class Service(unittest.TestCase):
    def test_the_service_counts_them(self):
        service = subprocess.Popen([PROGRAM, "serve", "--port", "0", "-s", "estimate"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(service.stderr.close)
        self.addCleanup(service.stdout.close)
        self.addCleanup(service.wait)
        self.addCleanup(service.kill)
        listening = re.search(r"http://\S+", service.stdout.readline())
        if not listening:
            self.skipTest("no service: " + service.stderr.read())
        items = joulemap.Items(url=listening.group(0), period=1e6)
        items.add(9)
        items.flush()
        self.assertEqual(items.told, 9)
        items.item = "no name"
        items.add()
        with self.assertRaisesRegex(joulemap.InvalidError, "letters, digits"):
            items.flush()
        items.item = "inference"
        items.close()
        self.assertEqual(items.told, 10)


common.main()
