# The ONNX schema (protobuf-c, generated from the schema file that the distribution packages).
