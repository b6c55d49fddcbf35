"""Feast's protocol from Python, as its SDK and its users speak it: feast_client.py HOST:PORT HTTP_URL

Over gRPC with the messages that protoc makes of Feast's own protos, over HTTP with what its remote online store sends, read the way that reads it. The server serves definitions/fraud. Prints a line a case:
"ok NAME" or "fail NAME REASON".
"""
import datetime
import json
import sys
import traceback
import urllib.error
import urllib.request

import grpc
from feast.serving import GrpcServer_pb2, ServingService_pb2
from feast.types import Value_pb2

ADDRESS, URL = sys.argv[1:3]
channel = grpc.insecure_channel(ADDRESS)
FEATURES = ["customer_spend:nb_tx_1d", "customer_spend:avg_amount_1d"]
PRESENT, NOT_FOUND = ServingService_pb2.PRESENT, ServingService_pb2.NOT_FOUND


def unary(method, response):
    return channel.unary_unary(method, lambda message: message.SerializeToString(), response.FromString)


get_online_features = unary("/feast.serving.ServingService/GetOnlineFeatures", ServingService_pb2.GetOnlineFeaturesResponse)
get_info = unary("/feast.serving.ServingService/GetFeastServingInfo", ServingService_pb2.GetFeastServingInfoResponse)
push_row = unary("/GrpcFeatureServer/Push", GrpcServer_pb2.PushResponse)


def post(path, body):
    request = urllib.request.Request(URL + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def frame(first, amounts, customer):
    now = datetime.datetime.utcnow()
    count = len(amounts)
    return {
        "tx_id": list(range(first, first + count)), "event_timestamp": [str(now) for _ in amounts], "customer_id": [customer] * count, "terminal_id": [7] * count, "amount": amounts,
        "fraud": [False] * count, "created": [str(now) for _ in amounts],
    }


def entities(**columns):
    return {name: Value_pb2.RepeatedValue(val=values) for name, values in columns.items()}


def push_and_read_over_http():
    status, _ = post("/push", {"push_source_name": "transactions", "df": frame(100, [10.0, 20.0], 1001), "to": "online", "allow_registry_cache": True})
    assert status == 200, status
    status, answer = post("/get-online-features", {"features": FEATURES, "entities": {"customer_id": [1001, 1002]}, "full_feature_names": False, "include_feature_view_version_metadata": False})
    assert status == 200, answer
    names = answer["metadata"]["feature_names"]
    assert names == ["customer_id", "nb_tx_1d", "avg_amount_1d"], names
    rows = [{name: vector["values"][row] for name, vector in zip(names, answer["results"])} for row in range(2)]
    assert rows == [{"customer_id": 1001, "nb_tx_1d": 2, "avg_amount_1d": 15.0}, {"customer_id": 1002, "nb_tx_1d": 0, "avg_amount_1d": None}], rows
    assert answer["results"][2]["statuses"] == ["PRESENT", "NOT_FOUND"], answer
    datetime.datetime.fromisoformat(answer["results"][1]["event_timestamps"][0].replace("Z", "+00:00"))


def request_data_among_the_entities():
    status, _ = post("/push", {"push_source_name": "transactions", "df": frame(110, [10.0], 1011), "to": "online"})
    assert status == 200, status
    status, answer = post("/get-online-features", {"features": ["amount_ratio"], "entities": {"customer_id": [1011, 1012], "amount": [25, 25.5]}})
    assert status == 200 and answer["metadata"]["feature_names"] == ["customer_id", "amount_ratio"], answer
    assert answer["results"][1]["values"] == [2.5, None] and answer["results"][1]["statuses"] == ["PRESENT", "NOT_FOUND"], answer


def a_failure_names_the_class_to_raise():
    status, detail = post("/get-online-features", {"features": ["customer_spent:nb_tx_1d"], "entities": {"customer_id": [1]}})
    fields = json.loads(detail)
    assert (status, fields["module"], fields["class"]) == (404, "feast.errors", "FeatureViewNotFoundException"), detail
    assert "Feature view customer_spent does not exist" in fields["message"], detail


def healthy():
    with urllib.request.urlopen(URL + "/health", timeout=10) as response:
        assert (response.status, response.read()) == (200, b"")


def info():
    assert get_info(ServingService_pb2.GetFeastServingInfoRequest(), timeout=10).version.startswith("OrleansFeatures ")


def push_and_read_over_grpc():
    typed = {
        "tx_id": Value_pb2.Value(int64_val=200), "event_timestamp": Value_pb2.Value(unix_timestamp_val=int(datetime.datetime.now().timestamp()) - 60),
        "customer_id": Value_pb2.Value(int64_val=2001), "terminal_id": Value_pb2.Value(int32_val=7), "amount": Value_pb2.Value(float_val=2.5), "fraud": Value_pb2.Value(bool_val=False),
    }
    assert push_row(GrpcServer_pb2.PushRequest(stream_feature_view="transactions", to="online", typed_features=typed), timeout=10).status
    text = {name: values[0] for name, values in frame(201, [7.5], 2001).items()}
    assert push_row(GrpcServer_pb2.PushRequest(stream_feature_view="transactions", to="online", features={name: str(value) for name, value in text.items()}), timeout=10).status
    asked = ServingService_pb2.GetOnlineFeaturesRequest(
        features=ServingService_pb2.FeatureList(val=FEATURES), entities=entities(customer_id=[Value_pb2.Value(int64_val=2001), Value_pb2.Value(int32_val=2002)]), full_feature_names=True)
    answer = get_online_features(asked, timeout=10)
    assert list(answer.metadata.feature_names.val) == ["customer_id", "customer_spend__nb_tx_1d", "customer_spend__avg_amount_1d"], answer
    assert [value.int64_val for value in answer.results[1].values] == [2, 0], answer
    assert answer.results[2].values[0].double_val == 5.0 and answer.results[2].values[1].WhichOneof("val") is None, answer
    assert list(answer.results[2].statuses) == [PRESENT, NOT_FOUND], answer


def a_service_over_two_entities():
    asked = ServingService_pb2.GetOnlineFeaturesRequest(
        feature_service="fraud", full_feature_names=True, include_feature_view_version_metadata=True,
        entities=entities(customer_id=[Value_pb2.Value(int64_val=1)], terminal_id=[Value_pb2.Value(string_val="7")]))
    answer = get_online_features(asked, timeout=10)
    assert len(answer.results) == len(answer.metadata.feature_names.val) == 14, answer
    assert sorted((view.name, view.version) for view in answer.metadata.feature_view_metadata) == [("customer_spend", 1), ("terminal_risk", 1)], answer


def an_unknown_view_is_not_found():
    try:
        get_online_features(ServingService_pb2.GetOnlineFeaturesRequest(features=ServingService_pb2.FeatureList(val=["no_view:x"]), entities=entities(customer_id=[])), timeout=10)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND, error
        return
    raise AssertionError("the call succeeded")


CASES = [
    push_and_read_over_http, request_data_among_the_entities, a_failure_names_the_class_to_raise, healthy, info, push_and_read_over_grpc, a_service_over_two_entities, an_unknown_view_is_not_found,
]


def main():
    failures = 0
    for case in CASES:
        try:
            case()
            print(f"ok {case.__name__}")
        except Exception:  # The top of a case: whatever went wrong is its result.
            failures += 1
            print(f"fail {case.__name__} {traceback.format_exc()!r}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
