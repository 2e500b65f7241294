/* The only file that knows the ONNX library: a module of its own, loaded when shapes are asked for (infer.c). No exception
 * leaves it. */
#include "model/infer_module.h"

#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>

#include <climits>
#include <cstdio>
#include <exception>
#include <new>

namespace {

void set_shape(onnx::ValueInfoProto *value, const jm_shape &shape)
{
	auto *to = value->mutable_type()->mutable_tensor_type()->mutable_shape();

	to->clear_dim();
	for (size_t i = 0; i < shape.n_dims; i++)
		to->add_dim()->set_dim_value(shape.dims[i]);
}

/* What the file says of inner values was said for its own input shapes: with others given it would contradict them. */
void set_inputs(onnx::GraphProto *graph, const jm_infer_input *inputs, size_t n_inputs)
{
	for (auto &value : *graph->mutable_input())
		for (size_t i = 0; i < n_inputs; i++)
			if (inputs[i].shape.is_known && value.name() == inputs[i].name && value.type().has_tensor_type())
				set_shape(&value, inputs[i].shape);
	for (auto &value : *graph->mutable_output())
		if (value.type().has_tensor_type())
			value.mutable_type()->mutable_tensor_type()->clear_shape();
	graph->clear_value_info();
}

void tell_value(const onnx::ValueInfoProto &value, jm_infer_fn tell, void *ctx)
{
	const auto &tensor = value.type().tensor_type();
	jm_shape shape = {};

	if (!value.type().has_tensor_type() || !tensor.has_shape() || tensor.shape().dim_size() > JM_SHAPE_DIMS_MAX)
		return;
	for (const auto &dim : tensor.shape().dim()) {
		if (!dim.has_dim_value() || dim.dim_value() < 0)
			return;
		shape.dims[shape.n_dims++] = dim.dim_value();
	}
	shape.dtype = tensor.elem_type();
	shape.is_known = true;
	tell(ctx, value.name().c_str(), &shape);
}

int infer(const void *bytes, int n, const jm_infer_input *inputs, size_t n_inputs, jm_infer_fn tell, void *ctx)
{
	onnx::ModelProto model;
	/* Not strict: an operator the library does not know leaves its results unknown, and the rest goes on. */
	const onnx::ShapeInferenceOptions options(false, 0, true);

	if (!model.ParseFromArray(bytes, n))
		return JM_E_FORMAT;
	set_inputs(model.mutable_graph(), inputs, n_inputs);
	onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), options);
	for (const auto &value : model.graph().value_info())
		tell_value(value, tell, ctx);
	for (const auto &value : model.graph().output())
		tell_value(value, tell, ctx);
	return 0;
}

} // namespace

int jm_infer_module(const void *bytes, size_t n, const jm_infer_input *inputs, size_t n_inputs, jm_infer_fn tell,
		    void *ctx, char *why, size_t why_size)
{
	why[0] = 0;
	if (n > INT_MAX)
		return JM_E_FORMAT;
	try {
		return infer(bytes, static_cast<int>(n), inputs, n_inputs, tell, ctx);
	} catch (const std::bad_alloc &) {
		return JM_E_NOMEM;
	} catch (const std::exception &e) {
		std::snprintf(why, why_size, "%s", e.what());
		return JM_E_FORMAT;
	}
}
