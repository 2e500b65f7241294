# ONNX Runtime: only its C header is needed to build; the library is loaded at run time.
